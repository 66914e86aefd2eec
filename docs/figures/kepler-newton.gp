# In this directory: gnuplot kepler-newton.gp > kepler-newton.svg
set encoding utf8
set terminal svg size 460,376 dynamic noenhanced font 'sans-serif,14' background rgb 'white'
set border 3
set tics nomirror out
set grid lc rgb '#d0d0d0' lw 0.5 lt 1
set key above Left reverse maxcols 2 samplen 2 width -7 font ',12'
set bars 0.6
set boxwidth 0.9
set xzeroaxis lt 1 lc rgb '#808080'
set xlabel 'data.context'
set ylabel 'score: mean R2 of its targets'
set logscale x
set xrange [0.831763771102671:120.2264434617413]
set yrange [0.014049845851821653:1.0377649509781068]
set xtics ('1' 1, '2' 2, '5' 5, '10' 10, '20' 20, '50' 50, '100' 100)
plot 'kepler-newton.dat' index 1 using ($1*0.8383734183063482):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 1 using ($1*0.8383734183063482):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 2 using ($1*0.8525682723077497):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 2 using ($1*0.8525682723077497):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 3 using ($1*0.8670034653701487):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 3 using ($1*0.8670034653701487):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 4 using ($1*0.8816830667755708):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 4 using ($1*0.8816830667755708):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 5 using ($1*0.896611214704772):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 5 using ($1*0.896611214704772):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 6 using ($1*0.911792117403792):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 6 using ($1*0.911792117403792):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 7 using ($1*0.9272300543702598):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 7 using ($1*0.9272300543702598):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 8 using ($1*0.9429293775597839):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 8 using ($1*0.9429293775597839):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 9 using ($1*0.9588945126127688):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 9 using ($1*0.9588945126127688):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 10 using ($1*0.9751299601020039):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 10 using ($1*0.9751299601020039):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 16 using ($1*1.0255043336945513):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 16 using ($1*1.0255043336945513):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 17 using ($1*1.0428675801629401):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 17 using ($1*1.0428675801629401):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 18 using ($1*1.0605248110817267):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 18 using ($1*1.0605248110817267):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 19 using ($1*1.0784810040256545):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 19 using ($1*1.0784810040256545):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 20 using ($1*1.0967412208468839):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 20 using ($1*1.0967412208468839):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 21 using ($1*1.1153106091019294):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 21 using ($1*1.1153106091019294):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 22 using ($1*1.134194403502757):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 22 using ($1*1.134194403502757):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 23 using ($1*1.1533979273924484):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 23 using ($1*1.1533979273924484):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 24 using ($1*1.172926594245853):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 24 using ($1*1.172926594245853):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 25 using ($1*1.192785909195647):($3):(0):($4-($3)) with vectors nohead lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 25 using ($1*1.192785909195647):2 with linespoints pt 7 ps 0.2 lw 0.5 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 0 using ($1*0.9041698059234504):2:($3):4 with yerrorbars lw 1 pt 0 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 0 using ($1*0.9041698059234504):2 with linespoints lw 2.2 dt 1 pt 7 ps 0.7 lc rgb '#0072b2' title 'newtonian', \
     'kepler-newton.dat' index 11 using ($1*0.9041698059234504):2 with points pt 6 ps 1.1 lw 1.4 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 12 using ($1*0.9041698059234504):2:($3):4 with yerrorbars lw 1 pt 0 lc rgb '#808080' notitle, \
     'kepler-newton.dat' index 12 using ($1*0.9041698059234504):2 with linespoints lw 1.2 dt 2 pt 7 ps 0.5 lc rgb '#808080' title 'newtonian, untrained', \
     'kepler-newton.dat' index 13 using ($1*0.9041698059234504):2:($3):4 with yerrorbars lw 1 pt 0 lc rgb '#808080' notitle, \
     'kepler-newton.dat' index 13 using ($1*0.9041698059234504):2 with linespoints lw 1.2 dt 3 pt 7 ps 0.5 lc rgb '#808080' title 'newtonian, raw inputs', \
     'kepler-newton.dat' index 14 using ($1*0.9041698059234504):2:($3):4 with yerrorbars lw 1 pt 0 lc rgb '#808080' notitle, \
     'kepler-newton.dat' index 14 using ($1*0.9041698059234504):2 with linespoints lw 1.2 dt 4 pt 7 ps 0.5 lc rgb '#808080' title 'newtonian, inputs, squares', \
     'kepler-newton.dat' index 15 using ($1*1.1059869434355596):2:($3):4 with yerrorbars lw 1 pt 0 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 15 using ($1*1.1059869434355596):2 with linespoints lw 2.2 dt 1 pt 5 ps 0.7 lc rgb '#d55e00' title 'keplerian', \
     'kepler-newton.dat' index 26 using ($1*1.1059869434355596):2 with points pt 4 ps 1.1 lw 1.4 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 27 using ($1*1.1059869434355596):2:($3):4 with yerrorbars lw 1 pt 0 lc rgb '#808080' notitle, \
     'kepler-newton.dat' index 27 using ($1*1.1059869434355596):2 with linespoints lw 1.2 dt 2 pt 5 ps 0.5 lc rgb '#808080' title 'keplerian, untrained', \
     'kepler-newton.dat' index 28 using ($1*1.1059869434355596):2:($3):4 with yerrorbars lw 1 pt 0 lc rgb '#808080' notitle, \
     'kepler-newton.dat' index 28 using ($1*1.1059869434355596):2 with linespoints lw 1.2 dt 3 pt 5 ps 0.5 lc rgb '#808080' title 'keplerian, raw inputs', \
     'kepler-newton.dat' index 29 using ($1*1.1059869434355596):2:($3):4 with yerrorbars lw 1 pt 0 lc rgb '#808080' notitle, \
     'kepler-newton.dat' index 29 using ($1*1.1059869434355596):2 with linespoints lw 1.2 dt 4 pt 5 ps 0.5 lc rgb '#808080' title 'keplerian, inputs, squares', \
     'kepler-newton.dat' index 0 using ($1*0.9041698059234504):2:($3):4 with yerrorbars lw 1 pt 0 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 0 using ($1*0.9041698059234504):2 with linespoints lw 2.2 dt 1 pt 7 ps 0.7 lc rgb '#0072b2' notitle, \
     'kepler-newton.dat' index 15 using ($1*1.1059869434355596):2:($3):4 with yerrorbars lw 1 pt 0 lc rgb '#d55e00' notitle, \
     'kepler-newton.dat' index 15 using ($1*1.1059869434355596):2 with linespoints lw 2.2 dt 1 pt 5 ps 0.7 lc rgb '#d55e00' notitle
