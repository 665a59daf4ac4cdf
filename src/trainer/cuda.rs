//! Finding the device.
#![expect(
    unsafe_code,
    reason = "loading a library runs its initialisers; libtorch_cuda has no safer way in"
)]

use isoflop_core::run::{Device, TrainerExit};
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

use crate::failure::Failure;

/// The libtorch device for ours. Never falls back: a trainer asked for CUDA that finds none fails.
pub(crate) fn device(device: Device) -> Result<tch::Device, Failure> {
    match device {
        Device::Cpu => Ok(tch::Device::Cpu),
        Device::Cuda(index) => {
            load_cuda_backend();
            if !tch::Cuda::is_available() || i64::from(index) >= tch::Cuda::device_count() {
                let message = format!(
                    "CUDA device {index} is not available to libtorch ({} found)",
                    tch::Cuda::device_count()
                );
                return Err(Failure::new(TrainerExit::NoDevice, message));
            }
            Ok(tch::Device::Cuda(index as usize))
        }
    }
}

/// Nothing of ours refers to libtorch_cuda, so the linker leaves it out, and CUDA would then read as
/// unavailable without a word. Loaded here, one program serves machines with and without a GPU.
fn load_cuda_backend() {
    // SAFETY: the library is the one that belongs to the libtorch we are linked with; its initialisers
    // register the CUDA backend and nothing else. Where it is missing this fails and CUDA stays unavailable.
    if let Ok(library) = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) }
    {
        // It must outlive every tensor.
        std::mem::forget(library);
    }
}
