"""Topologies trained under one budget and several seeds, to put AP beside cost."""
