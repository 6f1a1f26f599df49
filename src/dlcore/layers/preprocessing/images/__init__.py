"""Layers that prepare and augment images. Each draws what it needs once per batch, and applies it to images, masks and boxes."""
