"""``python -m forward_forward.export.device.kernel``: the shipped kernels, compiled again."""

from forward_forward.export.device.kernel import build_kernel, kernel_file

if __name__ == "__main__":
    for each in (False, True):
        build_kernel(kernel_file(each), two_pass=each)
