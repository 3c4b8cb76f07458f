"""`make screenshots`: every page at two widths, light and dark."""
