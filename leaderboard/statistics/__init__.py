"""Which differences mean anything: intervals and paired tests that come out the same on any machine."""
