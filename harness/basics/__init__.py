"""The ground floor: modules that any other may use."""
