// Allocator of tensors on the CPU.
#pragma once
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <cstdint>
#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace isoflop {

// Allocator like libtorch's, but with its own alignment instead of `posix_memalign`. In glibc 2.36
// that requests more than it returns, so a freed block of the same size does not fit. The process
// then used half as much memory again as its tensors.
class Memory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const c10::Device processor(c10::DeviceType::CPU);
    if (bytes == 0) return {nullptr, processor};
    void* block = bytes > SIZE_MAX - ALIGNMENT ? nullptr : std::malloc(bytes + ALIGNMENT);
    TORCH_CHECK(block, "can't allocate memory: ", bytes, " bytes for a tensor");
    // `malloc` aligns to 16 bytes, so the block begins at least 16 bytes earlier: space for its
    // address.
    void** data = reinterpret_cast<void**>((reinterpret_cast<uintptr_t>(block) + ALIGNMENT) / ALIGNMENT * ALIGNMENT);
    data[-1] = block;
    return {data, data, &release, processor};
  }

  // Some of libtorch's code allocates memory without a `DataPtr`.
  c10::DeleterFnPtr raw_deleter() const override { return &release; }

  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }

 private:
  static void release(void* data) {
    if (data) std::free(static_cast<void**>(data)[-1]);
  }

  // Size of a cache line and of the widest register.
  static constexpr size_t ALIGNMENT = 64;
};

// Keeps freed memory in the process, because each step allocates what the last one freed. Memory
// that is returned to the system costs a page fault for every 4 KiB.
inline void keep_memory() {
  static Memory memory;
  c10::SetCPUAllocator(&memory);
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, INT32_MAX);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace isoflop
