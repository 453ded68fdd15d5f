"""The audit: rules that find impossible or contradictory numbers among the published ones."""
