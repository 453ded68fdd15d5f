"""Numbers that papers print: their tables as data, one file per document, with their schema."""
