"""Intervals and paired tests that give the same digits on any machine."""
