//! What a trainer would have recorded of its machine: a host, and GPUs on it.

use std::sync::Arc;

use torchscope::log::{Data, GpuProcess, Record, Value, tags};

/// Seconds recorded.
pub(crate) const SECONDS: i64 = 120;
const GIB: f64 = 1_073_741_824.0;

fn text(tag: &str, text: &str) -> Value {
    Value { tag: Arc::from(tag), data: Data::Text(text.to_owned()) }
}

/// A reading a second, at steps 10 a second, of a host with so many GPUs; those of odd number tell of no power and of no
/// processes.
pub(crate) fn records(gpus: usize) -> Vec<Record> {
    (0..SECONDS).map(|second| record(second, gpus)).collect()
}

fn record(second: i64, gpus: usize) -> Record {
    let wave = |period: f64, phase: f64| 0.5 + 0.5 * (second as f64 / period + phase).sin();
    let mut values = vec![
        Value::scalar(tags::SYSTEM_MEM, (18.0 + 4.0 * wave(40.0, 0.0)) * GIB),
        Value::scalar(tags::SYSTEM_MEM_TOTAL, 64.0 * GIB),
        Value::scalar(tags::TRAINER_MEM, (2.0 + 0.5 * wave(60.0, 1.0)) * GIB),
        Value::scalar(tags::DISK_LEFT, 123.0 * GIB),
        Value::scalar(tags::DISK_TOTAL, 500.0 * GIB),
    ];
    if second == 0 {
        values.push(Value::scalar(tags::SYSTEM_CORES, 16.0));
        values.extend((gpus == 0).then(|| text(tags::SYSTEM_NOTE, "no GPU driver: CPU only")));
    } else {
        values.push(Value::scalar(tags::SYSTEM_CPU, 20.0 + 40.0 * wave(9.0, 0.0)));
        values.push(Value::scalar(tags::TRAINER_CPU, 90.0 + 80.0 * wave(15.0, 2.0)));
    }
    for gpu in 0..gpus {
        let phase = gpu as f64;
        let mut say = |what, value| values.push(Value::scalar(tags::of_gpu(gpu, what), value));
        say(tags::GPU_UTIL, 30.0 + 65.0 * wave(12.0, phase));
        say(tags::GPU_MEM, (41.0 + 20.0 * wave(50.0, phase)) * GIB);
        say(tags::GPU_MEM_TOTAL, 80.0 * GIB);
        say(tags::GPU_TEMP, 48.0 + 16.0 * wave(30.0, phase));
        if gpu % 2 == 0 {
            say(tags::GPU_POWER, 280.0 + 300.0 * wave(14.0, phase));
        }
        if second == 0 {
            values.push(text(&tags::of_gpu(gpu, tags::GPU_NAME), "NVIDIA H100 80GB HBM3"));
            if gpu % 2 == 0 {
                values.push(text(&tags::of_gpu(gpu, tags::GPU_PROCESSES), &GpuProcess::encode(&processes())));
            }
        }
    }
    Record { step: 10 * second, wall_time: 1.7e9 + second as f64, values }
}

/// The trainer, and somebody else.
fn processes() -> [GpuProcess; 2] {
    let process = |pid, name: &str, memory| GpuProcess { pid, name: name.to_owned(), memory };
    [process(4711, "torchscope-trainer", Some(38 << 30)), process(815, "python3", None)]
}
