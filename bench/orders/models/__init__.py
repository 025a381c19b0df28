"""What is made of the orders."""
