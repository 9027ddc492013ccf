"""The graph of one layer: ops on nodes, ordered edges, a verifier, a text form."""
