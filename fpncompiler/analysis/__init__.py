"""Facts about a graph, as typed values: what it costs."""
