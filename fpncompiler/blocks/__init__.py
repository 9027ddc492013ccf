"""The torch modules that generated files are made of.

The code generator copies each class and function that a network needs, and those they use in turn,
verbatim into its file. So a file here holds imports, constants and top-level definitions, nothing
that runs at import, and takes from its neighbours one name at a time. It imports nothing else than
`math`, `collections.abc`, torch, torchvision and timm, for the generated file must stand alone.
"""
