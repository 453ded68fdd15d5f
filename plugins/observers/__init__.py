"""Observers that hand a run's losses and results to programs that keep and draw them."""
