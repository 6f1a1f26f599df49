"""Layers that slide a kernel over sequences, images and volumes."""
