"""The vehicles: body models, the marks that distinguish two vehicles, and their meshes."""
