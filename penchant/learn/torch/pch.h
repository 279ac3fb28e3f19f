#pragma once
// The one precompiled header of this folder (see module.cmake).
#include <torch/torch.h>
