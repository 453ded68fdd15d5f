"""The methods of the field, each a plugin like anybody else's."""
