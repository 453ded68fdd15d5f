"""For authors of methods: a distribution to start from, and a check that a method keeps the contract."""
