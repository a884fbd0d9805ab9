# Run by U-Boot on a Raspberry Pi. It does what systemd-boot does on other machines, and cannot do here, because U-Boot's EFI
# renames no files: an image on trial (new) is started while attempts are left, which are counted before it starts; otherwise the
# one that works (good). telesetd.env is written by `telesetd image record`.
setenv part "${devtype} ${devnum}:${distro_bootpart}"
# The image has its own command line, which these would replace.
setenv bootargs
setenv good
setenv new
setenv left
setenv mark
setenv start 'load ${part} ${kernel_addr_r} /EFI/${image} && bootefi ${kernel_addr_r} ${fdt_addr}'
setenv count_path setenv -e -guid 4a67b082-0a4c-41cf-b6c7-440b29bb8c4f -bs -rt LoaderBootCountPath
load ${part} ${loadaddr} /telesetd.env && env import -t ${loadaddr} ${filesize} good new left mark
if test -n "${new}" && test "${left}" -gt 0; then
  setexpr left ${left} - 1
  env export -t ${loadaddr} good new left mark
  if fatwrite ${part} ${loadaddr} /telesetd.env ${filesize}; then
    echo "telesetd: trying ${new}, attempts left after this one: ${left}"
    # systemd learns by it that this boot must be judged, and removes the counter from the name.
    ${count_path} =H${mark}
    setenv image Linux/${new}
    run start
    ${count_path}
  fi
fi
echo "telesetd: starting ${good}"
setenv image Linux/${good}
run start
# Nothing is known, or what is known is wrong: systemd-boot finds the newest image that works.
setenv image systemd/systemd-bootaa64.efi
run start
reset
