"""The campaign over every measure of verification and of open sets."""
