//! Simulated /sys trees for devices that test machines lack.

use super::*;
use crate::linux::sysfs::simulated;

fn identity(device: &str, attributes: &[(&str, &[u8])]) -> Result<String, Failure> {
    described(simulated(device, attributes).path(), "8:1", |path| {
        Ok(format!("what is at {}", path.display()))
    })
}

fn assert_identity(device: &str, attributes: &[(&str, &[u8])], expected: &str) {
    assert_eq!(identity(device, attributes).unwrap(), expected);
}

fn assert_unknown(device: &str, attributes: &[(&str, &[u8])], reason: &str) {
    match identity(device, attributes).unwrap_err() {
        Failure::Unknown(said) => assert!(said.ends_with(reason), "{said}"),
        Failure::Kernel(errno) => panic!("{errno}"),
    }
}

const NOTHING: &str =
    "devices/sda has no dm/uuid, wwid, device/wwid, serial, loop/backing_file or md/uuid";

#[test]
fn each_kind_of_device_has_a_name_of_its_own() {
    let cases: [(&str, &[u8], &str); 6] = [
        ("dm-0/dm/uuid", b"LVM-AbCdEf\n", "device dm LVM-AbCdEf"),
        (
            "nvme0n1/wwid",
            b"eui.0025388b\n",
            "device wwid eui.0025388b",
        ),
        (
            "sda/device/wwid",
            b"naa.5002538e\n",
            "device wwid naa.5002538e",
        ),
        (
            "sda/device/wwid",
            b"t10.ATA     A  B\\ \n",
            "device wwid t10.ATA\\x20\\x20\\x20\\x20\\x20A\\x20\\x20B\\x5c",
        ),
        ("vda/serial", b"vol-0a1b", "device serial vol-0a1b"),
        (
            "md0/md/uuid",
            b"3aaa0122-29827cfa\n",
            "device md 3aaa0122-29827cfa",
        ),
    ];
    for (name, content, expected) in cases {
        let (device, _) = name.split_once('/').unwrap();
        assert_identity(device, &[(name, content)], expected);
    }
}

#[test]
fn the_name_that_was_given_comes_before_that_of_the_hardware() {
    let all: [(&str, &[u8]); 6] = [
        ("x/dm/uuid", b"mpath-1\n"),
        ("x/wwid", b"eui.2\n"),
        ("x/device/wwid", b"naa.3\n"),
        ("x/serial", b"4\n"),
        ("x/loop/backing_file", b"/srv/a b\n"),
        ("x/md/uuid", b"5\n"),
    ];
    let offset: (&str, &[u8]) = ("x/loop/offset", b"512\n");
    let expected = [
        "device dm mpath-1",
        "device wwid eui.2",
        "device wwid naa.3",
        "device serial 4",
        "device loop 512 what is at /srv/a b",
        "device md 5",
    ];
    for (first, expected) in expected.into_iter().enumerate() {
        let mut attributes = all[first..].to_vec();
        attributes.push(offset);
        assert_identity("x", &attributes, expected);
    }
}

#[test]
fn a_name_that_says_nothing_is_none() {
    let empty: [&[u8]; 8] = [
        b"",
        b"\n",
        b"  \n",
        b"\0\0\0\0",
        b"0\n",
        b"naa.0000000000000000\n",
        b"00000000-0000-0000-0000-000000000000\n",
        b"t10.\n",
    ];
    for content in empty {
        assert_unknown("sda", &[("sda/device/wwid", content)], NOTHING);
        let attributes: [(&str, &[u8]); 2] =
            [("sda/device/wwid", content), ("sda/serial", b" S1\0\0\n")];
        assert_identity("sda", &attributes, "device serial S1");
    }
    assert_unknown("sda", &[], NOTHING);
    let version: [(&str, &[u8]); 1] = [("sda/device/wwid", b"t10.ATA 1.0\n")];
    assert_identity("sda", &version, "device wwid t10.ATA\\x201.0");
}

#[test]
fn an_unreadable_attribute_counts_as_missing() {
    let sysfs = simulated("sda", &[("sda/serial", b"S1")]);
    // Reading a directory fails, for root too.
    fs::create_dir(sysfs.path().join("devices/sda/wwid")).unwrap();
    let found = described(sysfs.path(), "8:1", |_| unreachable!());
    assert_eq!(found.unwrap(), "device serial S1");
}

#[test]
fn a_partition_has_the_identity_of_its_disk_and_its_start() {
    let mut attributes: Vec<(&str, &[u8])> = vec![
        ("sda/device/wwid", b"naa.5\n"),
        ("sda/sda1/partition", b"1\n"),
        ("sda/sda1/start", b"2048\n"),
        ("sda/sda1/uevent", b"DEVTYPE=partition\nPARTN=1\n"),
    ];
    assert_identity("sda/sda1", &attributes, "device wwid naa.5 partition 2048");
    assert_identity("sda", &attributes, "device wwid naa.5");
    attributes[3].1 = b"DEVTYPE=partition\nPARTUUID=c0ffee-01\nPARTN=1\n";
    assert_identity(
        "sda/sda1",
        &attributes,
        "device wwid naa.5 partition 2048 c0ffee-01",
    );
    attributes.remove(2);
    assert_unknown("sda/sda1", &attributes, "devices/sda/sda1 has no start");
    attributes.remove(0);
    assert_unknown("sda/sda1", &attributes, NOTHING);
}

#[test]
fn a_device_that_is_not_in_sysfs_is_unknown() {
    let sysfs = simulated("sda", &[] as &[(&str, &[u8])]);
    let failure = described(sysfs.path(), "8:2", |_| unreachable!()).unwrap_err();
    let link = sysfs.path().join("dev/block/8:2");
    let reason = format!(
        "{} cannot be read: No such file or directory (os error 2)",
        link.display()
    );
    assert_eq!(failure, Failure::Unknown(reason));
}

#[test]
fn the_backing_file_of_a_loop_device_may_be_unknown() {
    let attributes: [(&str, &[u8]); 2] =
        [("x/loop/backing_file", b"/a\n"), ("x/loop/offset", b"0\n")];
    let unknown = Failure::Unknown("why".to_owned());
    let found = described(simulated("x", &attributes).path(), "8:1", |_| {
        Err(Failure::Unknown("why".to_owned()))
    });
    assert_eq!(found.unwrap_err(), unknown);
    assert_unknown("x", &attributes[..1], "devices/x has no loop/offset");
}
