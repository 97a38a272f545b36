# 100 MHz on the one clock of the design.
create_clock -name aclk -period 10.000 [get_ports aclk]
