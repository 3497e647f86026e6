"""Short runs of the fuzz targets."""
