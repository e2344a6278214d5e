// Where models come from and where they are kept: what the Hugging Face tools read from the
// environment.
#pragma once

#include <filesystem>
#include <string>

namespace slm {

struct HubSettings {
  std::string endpoint = "https://huggingface.co";  // without a slash at its end
  std::string token;                                // empty: none
  std::filesystem::path cache;                      // holds models--ORG--NAME folders
  bool offline = false;                             // never ask the network

  int attempts = 5;          // of a request that makes no progress
  double retry_seconds = 1;  // before the second attempt; doubles each time
  int stall_seconds = 30;    // without a byte, after which an attempt has failed
};

// From HF_ENDPOINT; HF_TOKEN (or HUGGING_FACE_HUB_TOKEN), else the file HF_TOKEN_PATH, by default
// HF_HOME/token; HF_HUB_CACHE (or HUGGINGFACE_HUB_CACHE), by default HF_HOME/hub; HF_HUB_OFFLINE.
// HF_HOME is ~/.cache/huggingface unless set. Errors name the variable.
HubSettings hub_settings_from_environment();

}  // namespace slm
