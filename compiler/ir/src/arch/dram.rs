//! External memory: one DRAM channel, and the kinds whose timings are known.

use super::within;
use crate::diag::{Diagnostic, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The keys of `[dram]` that describe a channel. Those that a file must give unless its kind is known come first; then
/// terms that are left out of the model where they are 0.
macro_rules! channel {
    ($($(#[doc = $doc:literal])+ $key:ident;)+ more: $($(#[doc = $more_doc:literal])+ $more:ident;)+) => {
        /// One DRAM channel behind the memory controller; timing in chip cycles (rule: `docs/machine.md` §10).
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Dram {
            /// Key of the DRAM kind in the technology data, e.g. `LPDDR3_8Gb_x32_1600`.
            pub kind: String,
            $($(#[doc = $doc])+ pub $key: u32,)+
            /// Requests the controller holds.
            pub queue_requests: u32,
            /// The controller opens rows of waiting bursts while it serves earlier ones.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub open_ahead: bool,
            $($(#[doc = $more_doc])+ #[serde(default, skip_serializing_if = "is_zero")] pub $more: u32,)+
        }

        /// `[dram]` as a file gives it. Where one of the keys from `banks` to `t_rfc_cycles` is left out, it and every
        /// further one left out are those of the kind, times rounded up to chip cycles.
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
        #[schemars(rename = "Dram")]
        #[serde(deny_unknown_fields)]
        pub struct DramKeys {
            /// Key of the DRAM kind in the technology data, e.g. `LPDDR3_8Gb_x32_1600`.
            pub kind: String,
            $($(#[doc = $doc])+ pub $key: Option<u32>,)+
            /// Requests the controller holds.
            pub queue_requests: u32,
            /// The controller opens rows of waiting bursts while it serves earlier ones.
            #[serde(default)]
            pub open_ahead: bool,
            $($(#[doc = $more_doc])+ pub $more: Option<u32>,)+
        }

        impl DramKeys {
            /// Keys that are missing although only the kind could give them.
            fn missing(&self) -> Vec<&'static str> {
                [$((stringify!($key), self.$key.is_none())),+].iter().filter(|k| k.1).map(|k| k.0).collect()
            }

            /// The channel; `of_kind` has what is left out.
            fn complete(self, of_kind: &Dram) -> Dram {
                Dram {
                    $($key: self.$key.unwrap_or(of_kind.$key),)+
                    $($more: self.$more.unwrap_or(of_kind.$more),)+
                    kind: self.kind,
                    queue_requests: self.queue_requests,
                    open_ahead: self.open_ahead,
                }
            }
        }

        impl Dram {
            /// Every time changed, by its key.
            fn map_times(mut self, change: impl Fn(u32) -> u32) -> Dram {
                $(if stringify!($key).ends_with("_cycles") { self.$key = change(self.$key); })+
                $(if stringify!($more).ends_with("_cycles") { self.$more = change(self.$more); })+
                self
            }

            /// A channel from its values in the order of the keys.
            fn of_row(kind: &str, row: [u32; 22]) -> Dram {
                let [$($key,)+ $($more),+] = row;
                Dram {
                    kind: kind.to_owned(), queue_requests: 0, open_ahead: false, $($key,)+ $($more),+
                }
            }
        }
    };
}

channel! {
    /// Banks.
    banks;
    /// Bytes in one row of one bank.
    row_bytes;
    /// Bytes moved by one burst.
    burst_bytes;
    /// Cycles the data bus is held by one burst.
    burst_cycles;
    /// Activate to column command.
    t_rcd_cycles;
    /// Precharge.
    t_rp_cycles;
    /// Column command to data.
    t_cl_cycles;
    /// Activate to precharge.
    t_ras_cycles;
    /// Refresh interval.
    t_refi_cycles;
    /// Duration of a refresh.
    t_rfc_cycles;
    more:
    /// Bank groups; bank b is in group b mod `bank_groups`.
    bank_groups;
    /// Column command to the next one (the bus allows one every `burst_cycles`).
    t_ccd_cycles;
    /// Column command to the next one in the same bank group.
    t_ccd_l_cycles;
    /// Activate to the next one.
    t_rrd_cycles;
    /// Activate to the next one in the same bank group.
    t_rrd_l_cycles;
    /// Window in which at most four activates begin.
    t_faw_cycles;
    /// Write command to data; 0: as `t_cl_cycles`, and the bus turns around in no time.
    t_cwl_cycles;
    /// End of the read data to the begin of written data.
    t_rtw_cycles;
    /// End of written data to the next read command.
    t_wtr_cycles;
    /// End of written data to the next read command in the same bank group.
    t_wtr_l_cycles;
    /// Read command to precharge.
    t_rtp_cycles;
    /// End of written data to precharge.
    t_wr_cycles;
}

/// A DRAM whose timings are known: a channel in cycles of its own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DramKind {
    /// Channel, times in clock cycles of the DRAM.
    pub channel: Dram,
    /// Clock period, ps.
    pub clock_ps: u32,
}

/// Kind, clock period in ps, and the channel in the order of its keys: one rank of 64 data pins (HBM, GDDR6: one channel
/// of 128), timings in clocks as configured in `DRAMsim3` (umd-memsys/DRAMsim3@29817593, `configs/`). Its refresh interval
/// of DDR3 and LPDDR3 stands under a key that it does not read; the intended value is taken.
const KINDS: [(&str, u32, [u32; 22]); 8] = [
    (
        "DDR3_8Gb_x8_1600",
        1250,
        [8, 16384, 64, 4, 11, 11, 11, 28, 6240, 280, 0, 4, 0, 6, 0, 32, 8, 1, 6, 0, 6, 12],
    ),
    (
        "DDR4_8Gb_x8_3200",
        630,
        [16, 8192, 64, 4, 22, 22, 22, 52, 12480, 560, 4, 4, 8, 4, 8, 34, 16, 1, 4, 12, 12, 24],
    ),
    (
        "DDR4_8Gb_x16_2400",
        830,
        [8, 8192, 64, 4, 17, 17, 17, 39, 9360, 420, 2, 4, 6, 7, 8, 36, 12, 1, 3, 9, 9, 18],
    ),
    (
        "LPDDR3_8Gb_x32_1600",
        1250,
        [8, 8192, 64, 4, 15, 15, 12, 34, 3120, 168, 0, 4, 0, 8, 0, 40, 9, 1, 6, 0, 6, 12],
    ),
    (
        "LPDDR4_8Gb_x16_2400",
        830,
        [8, 8192, 128, 8, 15, 15, 17, 32, 8660, 392, 2, 4, 6, 8, 8, 32, 14, 1, 8, 16, 12, 30],
    ),
    ("HBM1_4Gb_x128", 2000, [16, 2048, 64, 2, 7, 7, 7, 17, 1950, 130, 4, 1, 1, 2, 3, 15, 2, 2, 3, 4, 3, 8]),
    (
        "HBM2_8Gb_x128",
        1000,
        [16, 2048, 64, 2, 14, 14, 14, 34, 3900, 260, 4, 1, 2, 4, 6, 30, 4, 2, 6, 8, 6, 16],
    ),
    (
        "GDDR6_8Gb_x16",
        660,
        [16, 32768, 256, 1, 24, 24, 24, 54, 11862, 126, 0, 3, 0, 9, 0, 32, 16, 1, 7, 0, 3, 16],
    ),
];

/// The kinds whose timings are known.
pub fn kinds() -> impl Iterator<Item = DramKind> {
    KINDS.iter().map(|&(kind, clock_ps, row)| DramKind { channel: Dram::of_row(kind, row), clock_ps })
}

impl DramKind {
    /// The channel behind a chip of this clock: each time rounded up to chip cycles by itself.
    pub fn at(&self, clock_mhz: f64) -> Dram {
        // Free of the rounding of a clock that is not a whole number of MHz.
        let cycles = |n: u32| f64::from(n) * f64::from(self.clock_ps) * clock_mhz * 1e-6 - 1e-6;
        self.channel.clone().map_times(|n| cycles(n).ceil().max(0.0) as u32)
    }
}

impl DramKeys {
    /// The channel of a chip of this clock.
    ///
    /// # Errors
    /// E0311: keys are left out and the kind is not known.
    pub fn resolve(self, clock_mhz: f64) -> Result<Dram> {
        let missing = self.missing();
        if missing.is_empty() {
            return Ok(self.complete(&Dram::default()));
        }
        match kinds().find(|k| k.channel.kind == self.kind) {
            Some(kind) => Ok(self.complete(&kind.at(clock_mhz))),
            None => Err(Diagnostic::new(
                "E0311",
                "dram.kind",
                format!(
                    "the timings of `{}` are not known, and [dram] leaves out {}",
                    self.kind,
                    missing.join(", ")
                ),
                format!("give these keys, or one of the kinds {}", KINDS.map(|k| k.0).join(", ")),
            )),
        }
    }
}

impl Dram {
    pub(super) fn check(&self) -> Result<()> {
        let bounds = [
            ("dram.banks", self.banks, 1, 64),
            ("dram.row_bytes", self.row_bytes, 64, 65536),
            ("dram.burst_bytes", self.burst_bytes, 1, 1024),
            ("dram.burst_cycles", self.burst_cycles, 1, 1024),
            ("dram.queue_requests", self.queue_requests, 1, 4096),
            ("dram.bank_groups", self.bank_groups, 0, self.banks),
        ];
        for (key, value, lo, hi) in bounds {
            within(key, value, lo, hi)?;
        }
        let refuse = |key: &str, message: &str, help: &str| Err(Diagnostic::new("E0302", key, message, help));
        if self.t_refi_cycles <= self.t_rfc_cycles {
            return refuse(
                "dram.t_refi_cycles",
                "the refresh interval is not longer than the refresh itself, so the memory would never answer",
                "give t_refi_cycles > t_rfc_cycles",
            );
        }
        let after_writes = [self.t_rtw_cycles, self.t_wtr_cycles, self.t_wtr_l_cycles, self.t_wr_cycles];
        if self.t_cwl_cycles == 0 && after_writes.iter().any(|&t| t > 0) {
            return refuse(
                "dram.t_cwl_cycles",
                "t_rtw, t_wtr, t_wtr_l and t_wr count from the data of a write, and nothing says when they come",
                "give t_cwl_cycles, too",
            );
        }
        Ok(())
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the signature that serde asks for
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[cfg(test)]
mod tests {
    use super::super::{Arch, DEFAULT_ARCH};
    use super::*;

    /// The default chip with another `[dram]`.
    fn chip(dram: &str) -> Result<Arch> {
        let head = DEFAULT_ARCH.split("[dram]").next().unwrap();
        Arch::from_toml(&format!("{head}[dram]\n{dram}"))
    }

    #[test]
    fn a_kind_gives_what_is_left_out() {
        let dram = chip("kind = \"LPDDR3_8Gb_x32_1600\"\nqueue_requests = 16\nbanks = 4").unwrap().dram;
        // 200 MHz: 5 ns a cycle.
        assert_eq!((dram.banks, dram.row_bytes, dram.burst_bytes, dram.queue_requests), (4, 8192, 64, 16));
        assert_eq!((dram.burst_cycles, dram.t_rcd_cycles, dram.t_cl_cycles), (1, 4, 3), "5, 18.75 and 15 ns");
        assert_eq!((dram.t_faw_cycles, dram.t_refi_cycles, dram.open_ahead), (10, 780, false));
    }

    #[test]
    fn a_whole_description_takes_nothing_of_its_kind() {
        let arch = Arch::default_chip();
        assert_eq!((arch.dram.t_faw_cycles, arch.dram.t_cwl_cycles), (0, 0));
        assert!(!arch.to_toml().contains("t_faw"), "what is not modelled is not written");
    }

    #[test]
    fn its_own_clock_gives_its_own_cycles() {
        for kind in kinds() {
            assert_eq!(kind.at(1e6 / f64::from(kind.clock_ps)), kind.channel);
            let mut arch = chip(&format!("kind = \"{}\"\nqueue_requests = 8", kind.channel.kind)).unwrap();
            assert_eq!(Arch::from_toml(&arch.to_toml()).unwrap(), arch);
            arch.technology.clock_mhz = 10_000.0;
            arch.dram = kind.at(10_000.0);
            arch.dram.queue_requests = 1;
            arch.check().unwrap();
        }
    }

    #[test]
    fn impossible_channels_are_refused() {
        let code = |dram: &str| chip(dram).unwrap_err().code;
        assert_eq!(code("kind = \"none\"\nqueue_requests = 8"), "E0311");
        let with = |key: &str| format!("kind = \"HBM2_8Gb_x128\"\nqueue_requests = 8\n{key}");
        assert_eq!(code(&with("bank_groups = 17")), "E0302");
        assert_eq!(code(&with("t_cwl_cycles = 0")), "E0302");
        assert_eq!(code(&with("t_rfc_cycles = 100000")), "E0302");
        assert_eq!(code(&with("t_faww_cycles = 1")), "E0301");
    }
}
