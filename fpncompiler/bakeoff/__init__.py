"""A bake-off: topologies trained under equal conditions."""
