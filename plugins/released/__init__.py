"""Networks whose weights somebody released: one module a zoo, each scored by ``--method ZOO --set weights=FILE``."""
