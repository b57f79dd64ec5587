"""Market data: the catalog, importers, exporters, checks and synthetic markets."""
