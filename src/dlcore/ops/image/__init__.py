"""Functions on images, with the names and arguments of ``keras.ops.image``."""

from dlcore.ops.image import colors, filters, geometry, quality, windows
from dlcore.ops.symbolic import door

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]

affine_transform = door(geometry.affine_transform, __name__)
crop_images = door(windows.crop_images, __name__)
elastic_transform = door(filters.elastic_transform, __name__)
extract_patches = door(windows.extract_patches, __name__)
extract_patches_3d = door(windows.extract_patches_3d, __name__)
gaussian_blur = door(filters.gaussian_blur, __name__)
hsv_to_rgb = door(colors.hsv_to_rgb, __name__)
map_coordinates = door(geometry.map_coordinates, __name__)
pad_images = door(windows.pad_images, __name__)
perspective_transform = door(geometry.perspective_transform, __name__)
resize = door(geometry.resize, __name__)
rgb_to_grayscale = door(colors.rgb_to_grayscale, __name__)
rgb_to_hsv = door(colors.rgb_to_hsv, __name__)
scale_and_translate = door(geometry.scale_and_translate, __name__)
sobel_edges = door(filters.sobel_edges, __name__)
ssim = door(quality.ssim, __name__)
