// Where tensors lie on the processor.
#pragma once
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <cstdint>
#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace isoflop {

// As libtorch's own, but aligned here and not by `posix_memalign`: with glibc 2.36's, which asks for more than it returns and so finds
// no room in a freed block of the same size, a process held half as much again as its tensors.
class Memory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const c10::Device processor(c10::DeviceType::CPU);
    if (bytes == 0) return {nullptr, processor};
    void* block = bytes > SIZE_MAX - ALIGNMENT ? nullptr : std::malloc(bytes + ALIGNMENT);
    TORCH_CHECK(block, "can't allocate memory: ", bytes, " bytes for a tensor");
    // The block begins at least 16 bytes earlier, for `malloc` aligns to them: room for its own place.
    void** data = reinterpret_cast<void**>((reinterpret_cast<uintptr_t>(block) + ALIGNMENT) / ALIGNMENT * ALIGNMENT);
    data[-1] = block;
    return {data, data, &release, processor};
  }

  // Some of libtorch's own code asks for memory without its owner.
  c10::DeleterFnPtr raw_deleter() const override { return &release; }

  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }

 private:
  static void release(void* data) {
    if (data) std::free(static_cast<void**>(data)[-1]);
  }

  // A cache line, and the widest register.
  static constexpr size_t ALIGNMENT = 64;
};

// Freed memory is kept: a step frees what the next one takes, and giving it back to the system costs a page fault for every 4 KiB.
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
