"""The layouts of the released data sets, in which the synthetic vehicles can be drawn."""
