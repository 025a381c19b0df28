"""The documentation: pages in Markdown, and `docs.written`, which writes parts of them."""
