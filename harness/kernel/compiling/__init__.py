"""How the kernel's loops come to machine code, and where that is kept."""
