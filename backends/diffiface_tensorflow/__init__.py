"""TensorFlow as an engine: gradient tapes, eager or inside a `tf.function` that a preparation keeps."""

REQUIRES = ("tensorflow",)
