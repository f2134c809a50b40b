"""The simulated Huawei ModelArts."""
