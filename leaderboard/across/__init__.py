"""Methods across data sets: trained on some, tested on all, in one table."""
