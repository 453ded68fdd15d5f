"""Networks in files that hold their own computation, not only tensors: ONNX and TorchScript."""
