"""Numbers that papers print: their tables as data, one file a document, with their schema."""
