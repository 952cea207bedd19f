"""Catalogue files of other shops, read into records that the shop understands: one module for each format."""
