# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tuners of Hugging Face's PEFT library, each alone at one linear map.

The library replaces a module by a wrapper, and so renames the weights of the
model. Here a wrapper is built around a stand-in, and the stand-in shows the
map of the host while the wrapper computes. So the model stays the plain one.
"""
