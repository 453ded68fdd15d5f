"""How a method fares on spoilt pictures: the result of ``bench corrupt``, its numbers with intervals, and its page."""
