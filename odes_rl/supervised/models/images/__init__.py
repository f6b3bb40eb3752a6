"""Models of images: stages of residual blocks whose kernels are functions of depth."""
