package docker

import (
	"bytes"
	"debug/elf"
	"testing"
)

func TestPauseBinaryIsAnExecutable(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(arch, func(t *testing.T) {
			b, err := pauseBinary(arch)
			if err != nil {
				t.Fatal(err)
			}
			f, err := elf.NewFile(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if f.Machine != machine || f.Type != elf.ET_EXEC || len(f.Progs) != 1 {
				t.Fatalf("header is %+v with %d segments", f.FileHeader, len(f.Progs))
			}
			p := f.Progs[0]
			if p.Filesz != uint64(len(b)) || f.Entry < p.Vaddr || f.Entry >= p.Vaddr+p.Memsz {
				t.Errorf("segment %+v does not hold the entry %#x", p.ProgHeader, f.Entry)
			}
			if !bytes.HasSuffix(b, sigIgnore) || len(pausePrograms[arch].code)%8 != 0 {
				t.Error("the sigaction is not where the code looks for it")
			}
		})
	}
	if _, err := pauseBinary("riscv64"); err == nil {
		t.Error("riscv64 has no program, but no error")
	}
}
