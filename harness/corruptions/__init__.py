"""Corruptions of pictures: their contract, how they are applied to one picture, and the suite that a user asks for."""
