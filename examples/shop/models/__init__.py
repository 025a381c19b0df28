"""Models and checks of the shop."""
