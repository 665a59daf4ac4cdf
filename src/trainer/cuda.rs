//! Selection of the device.
#![expect(
    unsafe_code,
    reason = "loading a library runs its initialisers; libtorch_cuda has no safer way in"
)]

use isoflop_core::run::{Device, TrainerExit};
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

use crate::failure::TrainerFailure;

/// Returns the libtorch device of a run. Fails if a CUDA device is not available; never falls back
/// to the CPU.
pub(crate) fn device(device: Device) -> Result<tch::Device, TrainerFailure> {
    match device {
        Device::Cpu => Ok(tch::Device::Cpu),
        Device::Cuda(index) => {
            load_cuda_backend();
            if !tch::Cuda::is_available() || i64::from(index) >= tch::Cuda::device_count() {
                let message = format!(
                    "CUDA device {index} is not available to libtorch ({} found)",
                    tch::Cuda::device_count()
                );
                return Err(TrainerFailure::new(TrainerExit::NoDevice, message));
            }
            Ok(tch::Device::Cuda(index as usize))
        }
    }
}

/// Loads libtorch_cuda at run time. The program refers to no symbol of it, so the linker would drop
/// it, and CUDA would silently be unavailable. The same program also runs on machines without a
/// GPU.
fn load_cuda_backend() {
    // SAFETY: the library belongs to the libtorch that this program links; its initialisers only
    // register the CUDA backend. If it is missing, the call fails and CUDA remains unavailable.
    if let Ok(library) = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) }
    {
        // The library must outlive every tensor.
        std::mem::forget(library);
    }
}
