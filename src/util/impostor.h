// Files that are not what their name says: what is on a disk after a clone without Git LFS, or
// after a page of a site was saved in place of the file it offers.
#pragma once

#include <string>
#include <string_view>

namespace slm {

// Error kCorrupt, with what to do, when a file that begins so is a Git LFS pointer or a web page.
// For readers of weights, configs and tokenizers, before they look at the bytes themselves.
void refuse_impostor(std::string_view beginning, const std::string& origin);

}  // namespace slm
