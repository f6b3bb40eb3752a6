"""What the tasks with MuJoCo's physics compute, each described once.

Native stepping reads these descriptions, and so does whatever steps the same tasks on an accelerator. Free of JAX.
"""
