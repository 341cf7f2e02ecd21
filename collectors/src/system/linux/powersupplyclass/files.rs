//! The files that hold numbers.

use vigie_pipeline::metric::Family;

use super::super::attributes::Attribute;

const MILLIONTH: f64 = 1e-6;
const TENTH: f64 = 1e-1;

#[rustfmt::skip] // one line each, however long
pub(super) static FILES: [Attribute; 49] = [
    Attribute::plain("authentic", Family::gauge("node_power_supply_authentic", "authentic value of /sys/class/power_supply/<power_supply>.")),
    Attribute::plain("calibrate", Family::gauge("node_power_supply_calibrate", "calibrate value of /sys/class/power_supply/<power_supply>.")),
    Attribute::plain("capacity", Family::gauge("node_power_supply_capacity", "capacity value of /sys/class/power_supply/<power_supply>.")),
    Attribute::plain("capacity_alert_max", Family::gauge("node_power_supply_capacity_alert_max", "capacity_alert_max value of /sys/class/power_supply/<power_supply>.")),
    Attribute::plain("capacity_alert_min", Family::gauge("node_power_supply_capacity_alert_min", "capacity_alert_min value of /sys/class/power_supply/<power_supply>.")),
    Attribute::plain("cycle_count", Family::gauge("node_power_supply_cyclecount", "cyclecount value of /sys/class/power_supply/<power_supply>.")),
    Attribute::plain("online", Family::gauge("node_power_supply_online", "online value of /sys/class/power_supply/<power_supply>.")),
    Attribute::plain("present", Family::gauge("node_power_supply_present", "present value of /sys/class/power_supply/<power_supply>.")),
    Attribute::plain("time_to_empty_now", Family::gauge("node_power_supply_time_to_empty_seconds", "time_to_empty_seconds value of /sys/class/power_supply/<power_supply>.")),
    Attribute::plain("time_to_full_now", Family::gauge("node_power_supply_time_to_full_seconds", "time_to_full_seconds value of /sys/class/power_supply/<power_supply>.")),
    Attribute::scaled("charge_control_limit", Family::gauge("node_power_supply_charge_control_limit", "charge_control_limit value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("charge_control_limit_max", Family::gauge("node_power_supply_charge_control_limit_max", "charge_control_limit_max value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("charge_counter", Family::gauge("node_power_supply_charge_counter", "charge_counter value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("charge_empty", Family::gauge("node_power_supply_charge_empty", "charge_empty value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("charge_empty_design", Family::gauge("node_power_supply_charge_empty_design", "charge_empty_design value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("charge_full", Family::gauge("node_power_supply_charge_full", "charge_full value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("charge_full_design", Family::gauge("node_power_supply_charge_full_design", "charge_full_design value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("charge_now", Family::gauge("node_power_supply_charge_ampere", "charge_ampere value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("constant_charge_current", Family::gauge("node_power_supply_constant_charge_current", "constant_charge_current value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("constant_charge_current_max", Family::gauge("node_power_supply_constant_charge_current_max", "constant_charge_current_max value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("constant_charge_voltage", Family::gauge("node_power_supply_constant_charge_voltage", "constant_charge_voltage value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("constant_charge_voltage_max", Family::gauge("node_power_supply_constant_charge_voltage_max", "constant_charge_voltage_max value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("current_boot", Family::gauge("node_power_supply_current_boot", "current_boot value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("current_max", Family::gauge("node_power_supply_current_max", "current_max value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("current_now", Family::gauge("node_power_supply_current_ampere", "current_ampere value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("energy_empty", Family::gauge("node_power_supply_energy_empty", "energy_empty value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("energy_empty_design", Family::gauge("node_power_supply_energy_empty_design", "energy_empty_design value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("energy_full", Family::gauge("node_power_supply_energy_full", "energy_full value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("energy_full_design", Family::gauge("node_power_supply_energy_full_design", "energy_full_design value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("energy_now", Family::gauge("node_power_supply_energy_watthour", "energy_watthour value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("input_current_limit", Family::gauge("node_power_supply_input_current_limit", "input_current_limit value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("power_now", Family::gauge("node_power_supply_power_watt", "power_watt value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("precharge_current", Family::gauge("node_power_supply_precharge_current", "precharge_current value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("charge_term_current", Family::gauge("node_power_supply_charge_term_current", "charge_term_current value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("voltage_boot", Family::gauge("node_power_supply_voltage_boot", "voltage_boot value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("voltage_max", Family::gauge("node_power_supply_voltage_max", "voltage_max value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("voltage_max_design", Family::gauge("node_power_supply_voltage_max_design", "voltage_max_design value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("voltage_min", Family::gauge("node_power_supply_voltage_min", "voltage_min value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("voltage_min_design", Family::gauge("node_power_supply_voltage_min_design", "voltage_min_design value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("voltage_now", Family::gauge("node_power_supply_voltage_volt", "voltage_volt value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("voltage_ocv", Family::gauge("node_power_supply_voltage_ocv", "voltage_ocv value of /sys/class/power_supply/<power_supply>."), MILLIONTH),
    Attribute::scaled("temp", Family::gauge("node_power_supply_temp_celsius", "temp_celsius value of /sys/class/power_supply/<power_supply>."), TENTH),
    Attribute::scaled("temp_alert_max", Family::gauge("node_power_supply_temp_alert_max_celsius", "temp_alert_max_celsius value of /sys/class/power_supply/<power_supply>."), TENTH),
    Attribute::scaled("temp_alert_min", Family::gauge("node_power_supply_temp_alert_min_celsius", "temp_alert_min_celsius value of /sys/class/power_supply/<power_supply>."), TENTH),
    Attribute::scaled("temp_ambient", Family::gauge("node_power_supply_temp_ambient_celsius", "temp_ambient_celsius value of /sys/class/power_supply/<power_supply>."), TENTH),
    Attribute::scaled("temp_ambient_max", Family::gauge("node_power_supply_temp_ambient_max_celsius", "temp_ambient_max_celsius value of /sys/class/power_supply/<power_supply>."), TENTH),
    Attribute::scaled("temp_ambient_min", Family::gauge("node_power_supply_temp_ambient_min_celsius", "temp_ambient_min_celsius value of /sys/class/power_supply/<power_supply>."), TENTH),
    Attribute::scaled("temp_max", Family::gauge("node_power_supply_temp_max_celsius", "temp_max_celsius value of /sys/class/power_supply/<power_supply>."), TENTH),
    Attribute::scaled("temp_min", Family::gauge("node_power_supply_temp_min_celsius", "temp_min_celsius value of /sys/class/power_supply/<power_supply>."), TENTH),
];
