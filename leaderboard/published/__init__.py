"""What papers print: their tables as data, one file a document, and what reads and checks them."""
